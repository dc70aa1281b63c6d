"""Local HyperSound: lapped waves, networks that choose what to send and write θ, and the local INR that plays it."""
