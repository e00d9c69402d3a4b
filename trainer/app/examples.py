"""What the page offers to try: texts that fit any task, more or less."""

TEXTS = [
    "A gorgeous, witty film that never overstays its welcome.",
    "Two hours of nothing, and the popcorn was cold.",
    "It has its moments, though Anna waits for them in Paris most of the time.",
]
PAIRS = [
    ["How can I learn to cook well at home?", "What is a good way to teach myself cooking?"],
    ["A plane is taking off.", "An aeroplane leaves the runway."],
    ["The cat sleeps on the sofa.", "Interest rates went up again."],
]
CORPUS = """How do I reset my password?
When will my parcel arrive?
I forgot my password. What can I do?
Can I pay by invoice?
The app crashes when I open it.
Where is my order?
Do you accept payment on invoice?
Your app closes as soon as it starts.
How do I delete my account?"""
