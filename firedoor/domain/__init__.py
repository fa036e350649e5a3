"""The ground floor: pure nouns and rules, with no clock, dice, network or Temporal."""
