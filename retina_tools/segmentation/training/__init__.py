"""Training of the networks from public datasets in their official layout, on a CPU or with CUDA."""
