"""Every word that the world's language uses: the closed vocabulary of nano-policy."""

_TEXT = """
What Why Where happens this frame frames target targets so it is they are the a an and all of in at on by to from
ball block triangle star ring heart cross moon balls blocks triangles stars rings hearts crosses moons screen
object objects thing things one ones everything whatever group picture three two four five six seven
red orange yellow green blue purple pink white plain striped spotted small medium large
find where show me every except other not no
left right above below up down top bottom centre upper lower leftmost rightmost topmost lowest furthest very
moving moves move goes go heading motion that does do never stays stay place standing still
first second last enters enter come comes coming which arrives before others latecomer newcomer what there start
leaves leave gone out end back returns after was away view beginning seen
hidden hides sight for some time behind nearer gets bigger approaching shrinks smaller grows nothing covers covered
chases another pursuer who hunting follows being chased followed would be caught running
carries rides carrier carried fall if its left hits sets cause push hit pushed have moved without
stops just nearly been spared must see disappears under own way breaks into changes around
fastest quickest travels has longest biggest largest smallest suddenly speeds becomes fast once rest
again as creeps then slides over sight pushes runs heads but together
shows can front cut off such only none nowhere box
size pace by yes
wrong i mean use look instead fits list track
"""

WORDS = tuple(dict.fromkeys(_TEXT.split()))
"""The words, each once."""
