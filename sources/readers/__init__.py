"""One module per kind of source system; the catalog says which table needs which."""
