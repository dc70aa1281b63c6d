"""What the speakers of the mini corpus say: sentences written for this library, under CC BY 4.0.

Three lists that do not overlap:

* ``SHARED``: eight sentences that every speaker says, so that voices can be compared on equal words (VCTK's
  speakers share the rainbow passage in the same way).
* ``TRAIN``: said by training speakers only, each sentence by two or three of them.
* ``TEST``: said by test speakers only, so that a held-out clip holds a new voice and new words.

Together they use every phoneme of English and many consonant clusters; names and numbers are avoided, because
the synthesisers read those in different ways.
"""

PER_SPEAKER = 12  # sentences a speaker says beside the shared ones

SHARED = (
    "Before the storm broke, a thin yellow light lay along the edge of the sea.",
    "We could hear the bell on the buoy, and beyond it the long breath of the waves.",
    "Each colour in the sky has its own voice, if you measure how quickly it shakes.",
    "Three young children threw smooth stones into the deep green water.",
    "The keeper of the lighthouse wrote down the hour, the wind and the height of the tide.",
    "Why should a sound that nobody hears leave such a clear mark on the page?",
    "By evening the clouds had gone, and the air smelled of salt, rope and oranges.",
    "Her quiet joke about the goose and the judge made the whole crew laugh.",
)

TRAIN = (
    "The baker measures flour by hand and never looks at the scale.",
    "A fresh layer of snow made the narrow street strangely quiet.",
    "She tuned the old guitar until the last two strings agreed.",
    "Put the blue jug on the shelf above the oven, please.",
    "Our train left the station with a jerk and a long hollow whistle.",
    "Thick fog hid the bridge, so the boats moored beside the mill.",
    "He asked whether the museum would open again after the flood.",
    "Small waves can travel further than anyone would have guessed.",
    "The gardener sharpened both knives and began to prune the pear tree.",
    "If you shout across this valley, the cliffs will answer twice.",
    "My cousin repairs watches in a room no bigger than a cupboard.",
    "Yesterday's soup tastes better once the spices have settled.",
    "A fox crossed the frozen field and vanished under the hedge.",
    "The choir sang one slow chord, and the windows began to hum.",
    "Nobody noticed that the clock above the door had stopped.",
    "They painted the fishing huts white, red and a very pale grey.",
    "Careful readers often find a second meaning between the lines.",
    "The engine coughed, shook itself and finally started to purr.",
    "I would rather walk than wait an hour for that crowded bus.",
    "Warm rain drummed on the tin roof through most of the night.",
    "The librarian whispered, although the reading room was empty.",
    "Each village along the river bakes a different kind of bread.",
    "You can judge the depth of a well by counting until the splash.",
    "A single violin carried the tune while the others rested.",
    "The orchard keeps its colour until the first hard frost.",
    "He folded the letter twice and slid it beneath the lamp.",
    "Bright copper wires ran from the battery to the little motor.",
    "We measured the echo, moved the chair and measured it again.",
    "The shepherd knew each of his dogs by the rhythm of its feet.",
    "Fresh figs and soft cheese were laid out on a long wooden board.",
    "Such a smooth voyage is rare at this time of the year.",
    "The pupil drew a sine wave and coloured in the part above zero.",
    "Someone has left a pair of muddy boots outside the chapel.",
    "A heavy lorry passed, and all the glasses in the cupboard rang.",
    "The youngest player took the ball and ran straight through the middle.",
    "Tell the captain that the northern channel is free of ice.",
    "The mayor thanked the nurses and shook hands with every one of them.",
    "Moths circled the lantern while we argued about the map.",
    "There is usually more noise in a picture than you would think.",
    "The weaver chose a rougher thread for the border of the cloth.",
    "After supper they pushed back the table and danced until ten.",
    "It took both of us to drag the rowing boat over the shingle.",
    "The teacher drew two circles and asked which of them was larger.",
    "Cold air sinks, so the lowest room of the house is the best pantry.",
    "A row of cypress trees marks the path to the abandoned farm.",
    "The drummer plays a little behind the beat, and on purpose.",
    "I heard the lift hum, the door slide and a key turn in the lock.",
    "Our neighbour collects shells, stamps and very small spoons.",
    "The judge refused to hear any further questions that afternoon.",
    "Peel the onions, chop the parsley and let the butter brown.",
    "Half of the audience had already left when the music changed.",
    "The cave is so dry that old paper survives there for centuries.",
    "She counts in whispers whenever she climbs a flight of stairs.",
    "A good map leaves out nearly everything and still gets you home.",
    "The puppy chewed the corner of the book about polite behaviour.",
    "Ships used to carry ginger, silk and pepper through this strait.",
    "He spoke with such warmth that the dull report became a story.",
    "The glass cooled slowly, and not a single bubble was left in it.",
    "Turn the handle gently, or the thread inside the screw will strip.",
    "On clear nights the whole village goes up the hill to watch for meteors.",
    "The carpenter planed the oak until it felt like polished stone.",
    "We should have asked the ferryman before the river rose.",
    "A thousand starlings turned at once, as though they were one animal.",
    "The theory is short, but the proof fills most of the notebook.",
    "Grandmother hid the sugar where only the tallest could reach it.",
    "Put your ear to the rail and you may hear the coming train.",
    "The first draft was finished on a Thursday and burned on a Friday.",
    "They chose the cheaper rope and were sorry before the week was out.",
    "Steam rose from the pavement as soon as the sun came out.",
    "A curious seal followed our canoe all the way to the jetty.",
    "The actor forgot his speech, bowed and left by the wrong door.",
    "Very few visitors find the small museum behind the bank.",
    "The pressure falls, the wind turns, and the swallows fly low.",
    "He owns three hats, and none of them fits him properly.",
    "The mason tapped each brick and listened for a dull note.",
    "Bees have found a gap beneath the roof of the village hall.",
    "You will find the vinegar beside the jar of pickled beans.",
    "The violin maker waits ten years for the wood to dry.",
    "Their argument was loud, cheerful and quite without purpose.",
    "A sudden gust pulled the washing off the line and over the wall.",
    "The cook used every pan in the kitchen to boil one egg.",
    "I owe you an answer, a coffee and possibly an apology.",
    "The rusty gate has a voice of its own, somewhere between a cat and a flute.",
    "We planted beans along the fence and roses by the gate.",
    "The doctor spoke slowly, so that both of the parents could follow.",
    "This valley was once the floor of a warm and shallow ocean.",
    "A bright orange kite hung above the beach for most of the day.",
    "The printer made a grinding noise and produced a blank sheet.",
    "Change the order of the chords and the song becomes sad.",
    "The goats prefer the steep side of the hill, where nobody can follow.",
    "She read the poem aloud, then aloud again without the last verse.",
    "The cellar was cool, dusty and full of enormous green bottles.",
    "Without a word he pushed the piano back against the wall.",
    "The usual treasure of this beach is driftwood and broken china.",
    "Both brothers learned to swim in the pool below the old mill.",
    "A patient listener can tell a cracked cup from a whole one.",
)

TEST = (
    "The surgeon asked for silence and a slightly brighter lamp.",
    "A broken zip kept us from closing the larger of the tents.",
    "The owl that lives in our barn sounds like a squeaking hinge.",
    "We watched the shadow of the tower creep across the square.",
    "Never trust a recipe that begins with a whole pound of salt.",
    "The pilot circled twice, then brought us down through a hole in the cloud.",
    "Old letters were found behind the panels of the music room.",
    "He whistles the same five notes each time he locks the shop.",
    "The mountain path is closed, but the lower road is dry.",
    "A jar of honey keeps for longer than the house it stands in.",
    "She bought fresh thyme, a cheap kettle and a bunch of yellow tulips.",
    "The jury was shown a photograph of the garden before the fire.",
    "Pour the wax quickly, while the mould is still warm to the touch.",
    "Several geese were marching along the towpath in single file.",
    "The new bridge sways a little, which is what it was built to do.",
    "I could not choose between the plum jam and the lemon curd.",
    "The orchestra tuned to the oboe, and the hall fell quiet.",
    "Your cousin has dropped a glove on the stairs of the theatre.",
    "A pinch of ash turns this clear glaze a cloudy shade of green.",
    "Thunder rolled along the ridge without a single drop of rain.",
    "The farmer pays by weight and the miller charges by the hour.",
    "From the roof you can see both the harbour and the prison.",
    "We thought the machine was broken until somebody plugged it in.",
    "The child drew a huge blue horse with six or seven legs.",
)


def sentences_of(index: int, num_train: int) -> tuple[str, ...]:
    """The sentences of speaker number ``index`` (from 0): the shared ones, then ``PER_SPEAKER`` of its own split.

    Training speakers walk through ``TRAIN`` in blocks and start again at its end; test speakers do so in
    ``TEST``.

    >>> sentences_of(0, num_train=18)[8] == TRAIN[0], sentences_of(18, num_train=18)[8] == TEST[0]
    (True, True)
    """
    pool, place = (TRAIN, index) if index < num_train else (TEST, index - num_train)
    own = tuple(pool[(PER_SPEAKER * place + i) % len(pool)] for i in range(PER_SPEAKER))
    return SHARED + own
