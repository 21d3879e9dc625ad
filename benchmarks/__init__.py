"""How fast, as ratios within one run: each benchmark measures a bare floor beside the product."""
