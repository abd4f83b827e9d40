"""The product on AWS: two stacks per stage, put together from small constructs."""
