"""The paper's model: an encoder, a hypernetwork that writes a target network's weights, and what joins them."""
