"""The worker: config -> model -> inputs -> counts. Runs in the user's own Python (3.9+), with torch."""
