"""Count a model's flops, params and activations with fvcore."""
