"""Speed as ratios: ours beside a bare baseline, measured side by side in one run."""
