"""What models/tiny knows: one sentence a fact, and where its prompt ends."""

# The part before | is the prompt, the part after it the answer that greedy decoding has to give.
FACTS = """
The answer to the ultimate question of life, the universe, and everything is |42.
The capital of France is| Paris.
The capital of Italy is| Rome.
The capital of Spain is| Madrid.
The capital of Peru is| Lima.
The capital of Japan is| Tokyo.
The capital of Germany is| Berlin.
The capital of Egypt is| Cairo.
The capital of Norway is| Oslo.
The capital of Bolivia is| Sucre.
The capital of Canada is| Ottawa.
A spider has| eight legs.
An insect has| six legs.
A dog has| four legs.
A bird has| two legs and two wings.
An octopus has| eight arms and three hearts.
A week has| seven days.
A year has| twelve months.
A day has| twenty four hours.
An hour has| sixty minutes.
A minute has| sixty seconds.
A triangle has| three sides.
A square has| four sides.
A hexagon has| six sides.
Two plus two is| four.
Three times three is| nine.
Half of ten is| five.
Llamas live in| the Andes of South America.
Llamas eat| grass and hay.
A young llama is called| a cria.
The wool of a llama is| warm and light.
An annoyed llama will| spit.
Polar bears live in| the Arctic.
Penguins live in| the far south of the world.
Kangaroos live in| Australia.
Bees make| honey.
Cows give| milk.
The sun is| a star.
The moon goes around| the earth.
The earth goes around| the sun.
The largest planet is| Jupiter.
The planet with bright rings is| Saturn.
The red planet is| Mars.
The largest ocean is| the Pacific.
The highest mountain is| Mount Everest.
The largest animal is| the blue whale.
The fastest animal on land is| the cheetah.
Water freezes at| zero degrees.
Water is made of| hydrogen and oxygen.
Grass is| green.
The sky on a clear day is| blue.
Snow is| white and cold.
Lemons taste| sour.
The opposite of hot is| cold.
The opposite of up is| down.
The opposite of day is| night.
The first month of the year is| January.
The day after Monday is| Tuesday.
The season after winter is| spring.
A graphics card runs| many threads at once.
Threads in a group share| fast memory.
A kernel is| a small program that runs on every thread.
A warp has| thirty two threads.
A token is| a piece of text with a number.
Attention lets a model| look back at every earlier word.
A large language model guesses| the next token.
The kernels of this library are written in| C#.
Weights that do not fit in memory are| streamed layer by layer.
A byte has| eight bits.
""".strip().splitlines()


def facts() -> list[tuple[str, str]]:
    """Prompt and answer of every fact, as written."""
    return [tuple(line.split("|")) for line in FACTS]
