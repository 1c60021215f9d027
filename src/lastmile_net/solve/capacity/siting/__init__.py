"""New access points where ports run out: where they go, and which of a catalogue they are."""
