"""Old tunes of the people, which belong to nobody, in ABC notation."""

FRERE_JACQUES = """X:1
T:Frère Jacques
M:4/4
L:1/4
Q:1/4=100
K:F
|:FGAF:|
|:AB c2:|
|:c/d/c/B/ AF:|
|:FCF2:|
"""

TWINKLE = """X:2
T:Twinkle
C:after Ah! vous dirai-je, maman
M:2/4
L:1/4
K:D
DD|AA|BB|A2|GG|FF|EE|D2|
|:AA|GG|FF|E2:|
DD|AA|BB|A2|GG|FF|EE|D2|]
"""

ODE = """X:3
T:Ode to Joy
M:4/4
L:1/4
K:C
|:EEFG|GFED|CCDE|1 E>D D2:|2 D>C C2||
DDEC|DE/F/EC|DE/F/ED|CDG,E-|EEFG|GFED|CCDE|D>CC2|]
"""

GREENSLEEVES = """X:4
T:Greensleeves
M:6/8
L:1/8
Q:3/8=60
K:Ador
A|"Am"c2d e>^fe|"G"d2B G>AB|"Am"c2A A>^GA|"E"B2^G E2A|
c2d e>^fe|d2B G>AB|c>BA ^G>^F^G|A3 A2||
"""

ALL = "\n".join((FRERE_JACQUES, TWINKLE, ODE, GREENSLEEVES))
