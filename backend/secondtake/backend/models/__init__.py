"""What the services are asked and what they answer: the same in process and over HTTP."""
