"""Messages, calls and answers: what the readers of many formats share."""
