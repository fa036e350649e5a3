"""The conformance kit: what every action must do, checked in a world that a scene sets up."""
