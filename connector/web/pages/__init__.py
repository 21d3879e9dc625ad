"""The pages of the console, a module per noun; ``registry`` lists them."""
