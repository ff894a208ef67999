"""How people review pairs: what waits for whom, leases, answers, known pairs, reviewers."""
