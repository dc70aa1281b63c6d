"""θ in bits: learned probabilities in exact arithmetic, packets by a range coder, the `.hs` file, and its rate."""
