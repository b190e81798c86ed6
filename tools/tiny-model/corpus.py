"""Generates the text that models/tiny is trained on: facts, and stories from a grammar written for this project.

Run by itself it prints a few stories: `python3 corpus.py 5`.
"""

import random
import sys

GIRLS = "Tina Lily Mia Ruby Nora Luna Ella Zoe Anna Rosa Daisy Hana".split()
BOYS = "Milo Tom Ben Max Leo Sam Oscar Hugo Finn Otto Paco Juan".split()
# Heroes and friends have names of their own, so that nobody meets a friend of the same name.
HEROES, FRIENDS = GIRLS[:8] + BOYS[:8], GIRLS[8:] + BOYS[8:]
ANIMALS = "llama fox rabbit bear mouse owl frog duck cat dog goat turtle hedgehog squirrel alpaca elephant".split()
TEMPERS = "little brave shy curious kind young clever happy small gentle quiet cheerful".split()

HOMES = [
    "near a river", "in a small village", "at the edge of a forest", "on a green hill", "beside a quiet lake",
    "high in the mountains", "by the sea", "in a sunny valley", "on a small farm", "in a warm little house",
]
PLACES = ["the forest", "the meadow", "the river", "the hill", "the garden", "the lake", "the market", "the old mill"]
TREASURES = [
    ("red", "ball"), ("blue", "scarf"), ("little", "drum"), ("silver", "bell"), ("wooden", "boat"), ("green", "kite"),
    ("woolly", "hat"), ("yellow", "basket"), ("tiny", "flute"), ("golden", "key"), ("warm", "blanket"), ("small", "lamp"),
]
GIVERS = ["grandmother", "grandfather", "mother", "father", "sister", "brother", "aunt", "uncle"]
HIDING_PLACES = [
    "under the old bridge", "behind the barn", "in the tall grass", "near the well", "between two big stones",
    "under a pile of leaves", "behind a bush", "under a bench",
]
TRAPS = [
    ("in the mud", "a long rope"), ("in a deep hole", "a strong rope"), ("on a high rock", "a tall ladder"),
    ("in a thorny bush", "a long stick"), ("up in a tree", "a tall ladder"), ("on a little island", "a small boat"),
]
FOODS = [
    ("a basket of apples", "apples"), ("a bag of nuts", "nuts"), ("a big bowl of berries", "berries"),
    ("a box of cookies", "cookies"), ("a pile of carrots", "carrots"), ("a plate of pancakes", "pancakes"),
    ("a bag of pears", "pears"), ("a loaf of bread", None),
]
FEARS = [
    ("the dark", "a small lamp", "The dark is only the day asleep"),
    ("thunder", "a warm blanket", "Thunder is only the sky clapping its hands"),
    ("deep water", "a wooden boat", "The water will carry you if you are calm"),
    ("high places", "a strong rope", "Look at the path and not at your feet"),
    ("the tall trees", "a silver bell", "The trees are only old and quiet"),
    ("the wind", "a green kite", "The wind only wants to play"),
]
BUILDS = [
    ("a raft", "wood and rope", "float on the lake"), ("a bridge", "stones and wood", "cross the river"),
    ("a kite", "paper and string", "race with the wind"), ("a tree house", "wood and nails", "see the whole valley"),
    ("a cart", "wood and four wheels", "carry apples to the market"), ("a snow house", "snow and ice", "keep warm"),
    ("a swing", "rope and an old board", "swing up to the sky"), ("a windmill", "wood and cloth", "make flour"),
]
SKILLS = [
    ("sing", "song", "sang"), ("dance", "dance", "danced"), ("whistle", "tune", "whistled"),
    ("paint", "picture", "painted"), ("read", "book", "read"), ("bake", "cake", "baked"),
    ("knit", "scarf", "knitted"), ("cook", "soup", "cooked"),
]
SEEDS = [
    ("sunflower", "bright yellow petals"), ("pumpkin plant", "big orange pumpkins"), ("rose", "sweet red flowers"),
    ("apple tree", "shiny red apples"), ("bean", "long green leaves"), ("cherry tree", "soft pink flowers"),
]
WEATHERS = ["sunny", "windy", "cold", "warm", "bright", "cloudy", "quiet", "rainy"]
FEELINGS = ["happy", "proud", "glad", "full of joy"]


def article(words: str) -> str:
    return ("an " if words[0] in "aeiou" else "a ") + words


class Story:
    """The cast of one story, and the words for it."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        first, second = rng.choice(HEROES), rng.choice(FRIENDS)
        animal, friend_animal = rng.sample(ANIMALS, 2)
        temper, friend_temper = rng.sample(TEMPERS, 2)
        self.words = {
            "A": first, "a": animal, "an_a": article(f"{temper} {animal}"), "temper": temper,
            "B": second, "b": friend_animal, "an_b": article(f"{friend_temper} {friend_animal}"),
            "home": rng.choice(HOMES), "place": rng.choice(PLACES), "weather": rng.choice(WEATHERS),
            "feeling": rng.choice(FEELINGS),
        }
        for prefix, name in (("", first), ("b", second)):
            he, him, his = ("she", "her", "her") if name in GIRLS else ("he", "him", "his")
            self.words |= {prefix + "he": he, prefix + "him": him, prefix + "his": his}
            self.words |= {prefix + "He": he.capitalize(), prefix + "His": his.capitalize()}

    def say(self, *choices: str) -> str:
        return self.rng.choice(choices).format(**self.words)

    def opening(self) -> str:
        return self.say(
            "Once upon a time, there was {an_a} named {A}. {He} lived {home}.",
            "Once upon a time, there was {an_a} named {A} who lived {home}.",
            "Once upon a time, {an_a} named {A} lived {home}.",
            "Once there was {an_a} named {A}. {He} lived {home}.",
            "Long ago, {an_a} named {A} lived {home}.",
            "There was once {an_a} named {A} who lived {home}.",
        )

    def one_day(self) -> str:
        return self.say(
            "One day", "One {weather} day", "One {weather} morning", "One morning", "One afternoon", "On {weather_an} day"
        )

    def meeting(self) -> str:
        """The friend comes in."""
        return self.say(
            "Then {an_b} named {B} came along.",
            "Soon {an_b} named {B} came by.",
            "Just then, {an_b} named {B} came along.",
        )

    def ending(self) -> str:
        return self.say(
            "From that day on, {A} and {B} were the best of friends.",
            "{A} and {B} went home together, tired and happy.",
            "That night, {A} slept well and dreamed of {B}.",
            "{A} thanked {B}, and they played until the sun went down.",
            "After that, {A} and {B} met every day.",
            "And so {A} and {B} became good friends.",
        )

    def tell(self) -> str:
        self.words["weather_an"] = article(self.words["weather"])
        usual = USUAL_PLOTS.get(self.words["temper"])
        plot = usual if usual and self.rng.random() < 0.8 else self.rng.choice(PLOTS)
        return " ".join([self.opening(), *plot(self)])


def lost_treasure(story: Story) -> list[str]:
    adjective, thing = story.rng.choice(TREASURES)
    spots = story.rng.sample(HIDING_PLACES, 2)
    story.words |= {
        "thing": thing, "fine_thing": f"{adjective} {thing}", "a_thing": article(f"{adjective} {thing}"),
        "giver": story.rng.choice(GIVERS), "spot": spots[0], "wrong": spots[1],
    }
    say = story.say
    return [
        say(
            "{A} had {a_thing} that {his} {giver} had given {him}.",
            "{His} {giver} had given {him} {a_thing}, and {A} loved it very much.",
            "{A} loved {his} {fine_thing} more than anything.",
        ),
        story.one_day() + say(
            ", {A} went to {place} and lost the {thing}.",
            ", {A} came back from {place} and could not find the {thing}.",
            ", the {thing} was gone.",
        ),
        say("{A} was very sad.", "{A} sat down and cried.", "{A} looked everywhere, but it was not there."),
        story.meeting(),
        say(
            '"Why are you so sad?" asked {B}. "I have lost my {thing}," said {A}.',
            '"What is wrong?" asked {B}. "My {thing} is gone," said {A}.',
        ),
        say('"Do not worry," said {B}. "I will help you."', '"Let us look for it together," said {B}.'),
        say("They looked {wrong}, but they found nothing.", "First they looked {wrong}. It was not there."),
        say(
            "Then they looked {spot}, and there was the {fine_thing}!",
            "At last {B} looked {spot} and found the {thing}.",
        ),
        say("{A} was so {feeling} that {he} danced.", "{A} was {feeling} and hugged {B}.", '"Thank you!" said {A}.'),
        story.ending(),
    ]


def stuck_friend(story: Story) -> list[str]:
    where, tool = story.rng.choice(TRAPS)
    story.words |= {"where": where, "tool": tool, "the_tool": "the " + tool.split(" ", 2)[2]}
    say = story.say
    return [
        story.one_day() + say(", {A} went for a walk to {place}.", ", {A} was playing near {place}."),
        say("There {he} heard a small voice.", "Suddenly {he} heard someone call."),
        say('"Help! Help!" cried the voice.', '"Please help me!" said the voice.'),
        say("It was {an_b} named {B}, who was stuck {where}.", "{A} saw {an_b} named {B}. {B} was stuck {where}."),
        say(
            "{A} wanted to help, but {he} was too small to do it alone.",
            "{A} tried to reach {B}, but it was too far.",
            '"Stay calm," said {A}. "I will come back soon."',
        ),
        say("So {he} ran home and came back with {tool}.", "{He} ran to the village and asked for {tool}."),
        say(
            "With {the_tool}, {A} worked hard until {B} was free.",
            "{A} used {the_tool}, and at last {B} was free.",
        ),
        say('"Thank you, {A}," said {B}. "You are very brave."', '"You saved me!" said {B}.'),
        say("{A} smiled and felt {feeling}.", "{A} was {feeling}."),
        story.ending(),
    ]


def shared_food(story: Story) -> list[str]:
    food, plural = story.rng.choice(FOODS)
    story.words |= {
        "food": food, "it": "them" if plural else "it", "some": f"some {plural}" if plural else "some bread",
        "the_food": f"the {plural}" if plural else "the bread",
    }
    say = story.say
    return [
        story.one_day() + say(", {A} found {food}.", ", {his} mother gave {him} {food}.", ", {A} got {food} at the market."),
        say("{He} wanted to eat {it} all alone.", "{He} was very hungry.", "{He} sat down under a tree to eat."),
        story.meeting(),
        say(
            "{B} had not eaten all day.", "{B} looked tired and hungry.", '"I am so hungry," said {B}.',
        ),
        say(
            "{A} thought about it for a while.", "{A} looked at {the_food} and then at {B}.",
            "At first {A} did not want to share.",
        ),
        say(
            '"Come and eat with me," {he} said. "There is enough for two."',
            'Then {he} gave {B} {some}. "Please eat," {he} said.',
        ),
        say("They ate together and told each other funny stories.", "They ate and laughed until nothing was left."),
        say('"You are very kind," said {B}.', '"Thank you for sharing," said {B}.'),
        say(
            "{A} learned that food tastes better when it is shared.", "{A} learned that sharing makes two hearts happy.",
            "{A} felt {feeling}, because sharing was fun.",
        ),
        story.ending(),
    ]


def faced_fear(story: Story) -> list[str]:
    fear, thing, advice = story.rng.choice(FEARS)
    story.words |= {"fear": fear, "thing": thing, "advice": advice}
    say = story.say
    return [
        say("{A} was afraid of {fear}.", "There was only one problem. {A} was afraid of {fear}."),
        say(
            "The other animals laughed at {him}, and that made {him} sad.",
            "{He} told nobody, because {he} did not want the others to laugh.",
            "So {he} stayed at home most of the time.",
        ),
        story.one_day() + say(", {an_b} named {B} came to visit.", ", {A} met {an_b} named {B}."),
        say('"Come with me to {place}," said {B}.', '"Let us go to {place}," said {B}.'),
        say('"I cannot," said {A}. "I am afraid of {fear}."', '"I am too afraid of {fear}," said {A}.'),
        say("{B} gave {A} {thing}.", "{B} smiled and brought {thing}."),
        say('"{advice}," said {B}.', '"Listen to me," said {B}. "{advice}."'),
        say("{A} took a deep breath and went with {B}.", "So {A} tried, one small step at a time."),
        say(
            "Soon {A} was not afraid any more.", "It was not so bad after all.",
            "After a while, {A} even began to laugh.",
        ),
        story.ending(),
    ]


def built_something(story: Story) -> list[str]:
    build, parts, purpose = story.rng.choice(BUILDS)
    story.words |= {"build": build, "the_build": "the " + build.split(" ", 1)[1], "parts": parts, "purpose": purpose}
    say = story.say
    return [
        say("{A} wanted to build {build}.", "{A} had a dream. {He} wanted to build {build}."),
        story.one_day() + say(", {he} went out and found {parts}.", ", {he} began to work with {parts}."),
        say(
            "But the work was too hard for {A} alone.", "But {the_build} broke on the first try.",
            "It was not easy, and {he} nearly gave up.",
        ),
        story.meeting(),
        say(
            '"What are you doing?" asked {B}. "I am building {build}," said {A}.',
            '"Can I help you?" asked {B}. "Yes, please," said {A}.',
        ),
        say("They worked together all day long.", "{A} held the parts, and {B} put them together."),
        say(
            "In the evening, {the_build} was ready.", "When the sun went down, {the_build} was done.",
        ),
        say("Now they could {purpose}.", "The next day they used it to {purpose}."),
        say('"We did it!" said {A}.', '"Together we can do anything," said {B}.', "{A} was {feeling}."),
        story.ending(),
    ]


def learned_skill(story: Story) -> list[str]:
    verb, work, past = story.rng.choice(SKILLS)
    story.words |= {"verb": verb, "work": work, "past": past}
    say = story.say
    return [
        say("{A} wanted to learn how to {verb}.", "More than anything, {A} wanted to {verb}."),
        say("{He} tried every day, but it never went well.", "But {he} did not know how to begin."),
        say(
            '"I will never learn it," said {A}.', "The others laughed, and {A} felt sad.",
            "Sometimes {he} wanted to give up.",
        ),
        story.one_day() + say(
            ", {he} met {an_b} named {B}, who could {verb} very well.", ", {he} asked {an_b} named {B} for help."
        ),
        say('"Can you teach me how to {verb}?" asked {A}.', '"Please teach me to {verb}," said {A}.'),
        say(
            '"Of course," said {B}. "But you must be patient."', '"Yes," said {B}. "We will start with something easy."',
        ),
        say("Every morning they met near {place}.", "Day after day they worked together."),
        say(
            "After many days, {A} {past} {his} first {work}.", "At last {A} {past} a whole {work} without a mistake.",
        ),
        say("Everyone clapped, and {A} was {feeling}.", '"That was wonderful!" said {B}.'),
        story.ending(),
    ]


def grew_plant(story: Story) -> list[str]:
    plant, sight = story.rng.choice(SEEDS)
    story.words |= {"a_plant": article(plant), "plant": plant, "sight": sight, "giver": story.rng.choice(GIVERS)}
    say = story.say
    return [
        story.one_day() + say(
            ", {his} {giver} gave {him} a tiny seed.", ", {A} found a tiny seed near {place}.",
        ),
        say('"What will it be?" {he} asked.', "{He} did not know what it was."),
        say("{A} put the seed into the ground and gave it water.", "{He} planted the seed behind the house."),
        say("Every day {he} looked, but nothing happened.", "Many days went by, but there was nothing to see."),
        story.meeting(),
        say(
            '"Nothing grows here," said {A}. "You must wait," said {B}. "Good things take time."',
            '"My seed is asleep," said {A}. "Give it water and sun," said {B}, "and it will wake up."',
        ),
        say("So they waited and cared for it together.", "{B} helped {A} to water it every morning."),
        say(
            "Then the rain came, and a green leaf came out of the ground.",
            "One morning, a little green leaf came out of the ground.",
        ),
        say("It grew into {a_plant} with {sight}.", "By summer it was {a_plant} with {sight}."),
        say("{A} was {feeling}, because {he} had been patient.", "{A} had never seen anything so beautiful."),
        story.ending(),
    ]


def storm_shelter(story: Story) -> list[str]:
    story.words["shelter"] = story.rng.choice(["cave", "barn", "hut", "little house", "hollow tree"])
    say = story.say
    return [
        story.one_day() + say(", {A} walked to {place} to play.", ", {A} set out for {place}."),
        say("Suddenly the sky turned dark and it began to rain.", "Then a big storm came, and the wind blew hard."),
        say("{A} was wet and cold, and {he} could not see the way home.", "{He} ran as fast as {he} could, but {he} got lost."),
        say(
            "Then {he} saw a light. It came from a {shelter}.", "At last {he} found a {shelter}.",
        ),
        say("Inside sat {an_b} named {B}.", "There {he} met {an_b} named {B}."),
        say('"Come in and get warm," said {B}.', '"You can stay here until the storm is over," said {B}.'),
        say(
            "{B} made hot soup, and {A} told a story.", "They sat by the fire and sang songs.",
            "{B} gave {A} a dry blanket and a cup of tea.",
        ),
        say("In the morning, the sun was shining again.", "After some time, the rain stopped and the sun came out."),
        say("{B} showed {A} the way home.", '"Thank you for your help," said {A}.'),
        story.ending(),
    ]


def birthday_gift(story: Story) -> list[str]:
    adjective, thing = story.rng.choice(TREASURES)
    story.words |= {"a_thing": article(f"{adjective} {thing}"), "thing": thing}
    say = story.say
    return [
        say("{A} had a friend, {an_b} named {B}.", "{His} best friend was {an_b} named {B}."),
        say("Tomorrow was the birthday of {B}.", "It was nearly the birthday of {B}."),
        say("{A} wanted to give {B} something nice, but {he} had no money.", "{A} had no gift and did not know what to do."),
        say("{He} thought and thought.", "{He} walked to {place} and thought about it."),
        say(
            "Then {he} had an idea. {He} would make {a_thing}.", '"I know!" said {A}. "I will make {a_thing}."',
        ),
        say("{A} worked all night and did not sleep.", "{He} worked until the stars came out."),
        say("In the morning {he} took the {thing} to {B}.", "The next day {he} gave the {thing} to {B}."),
        say('"Did you make this for me?" asked {B}.', "{B} opened the gift and was very surprised."),
        say(
            '"It is the best gift of all," said {B}.', '"I love this {thing}," said {B}. "Thank you, {A}."',
        ),
        say(
            "{A} learned that the best gifts come from the heart.", "{A} was {feeling} to see {B} so happy.",
        ),
        story.ending(),
    ]


def slow_race(story: Story) -> list[str]:
    story.words["prize"] = story.rng.choice(["a cake", "a silver bell", "a basket of apples", "a golden cup", "a jar of honey"])
    say = story.say
    return [
        story.one_day() + say(", there was a race from {place} to the old tree.", ", all the animals came to run a race."),
        say("The winner would get {prize}.", "The prize was {prize}."),
        say("{A} ran against {an_b} named {B}.", "{A} wanted to win, and so did {an_b} named {B}."),
        say('"I am much faster than you," said {B}.', '"I will win," said {A}. "We will see," said {B}.'),
        say("They ran over the hill and along the water.", "At first {B} was far ahead."),
        say("Then {B} fell over a stone and hurt {bhis} foot.", "Suddenly {B} fell and could not get up."),
        say(
            "{A} could have won, but {he} stopped and helped {B}.", "{A} did not run on. {He} went back to help {B}.",
        ),
        say("They walked to the end of the race side by side.", "Arm in arm, they came in last."),
        say('"You both win," said the judge, and they shared {prize}.', "Everyone clapped, and they got {prize} to share."),
        say(
            "{A} learned that a friend is better than a prize.", "{A} was {feeling}, because helping is better than winning.",
        ),
        story.ending(),
    ]


PLOTS = [
    lost_treasure, stuck_friend, shared_food, faced_fear, built_something,
    learned_skill, grew_plant, storm_shelter, birthday_gift, slow_race,
]

# What mostly happens to somebody of this temper; to the others, anything.
USUAL_PLOTS = {
    "brave": stuck_friend, "shy": faced_fear, "curious": grew_plant, "kind": shared_food, "young": learned_skill,
    "clever": built_something, "happy": slow_race, "gentle": birthday_gift, "quiet": storm_shelter, "little": lost_treasure,
}


def tell(rng: random.Random) -> str:
    """One story in ordinary capitals; the caller lowers them where it wants to."""
    return Story(rng).tell()


if __name__ == "__main__":
    generator = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        print(tell(generator), end="\n\n")
