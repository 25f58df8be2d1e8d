"""What people say of runs and their steps: schemes of labels, acts, and how far coders agree."""
