"""One module per file format: each turns a drop's bytes into records, good ones and faulty ones."""
