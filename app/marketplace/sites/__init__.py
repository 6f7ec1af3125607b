"""What the worker site and the Requester pages share: neither knows the other."""
