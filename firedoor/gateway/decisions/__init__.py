"""The one way of people's words into responses, whatever door they came through."""
