"""English verbs and adverbs that end a key phrase.

These are the words with at least 85 % of their uses as a verb or adverb, of two uses or more, in the genres academic,
court, interview and news of GUM at commit 72ce5ac (texts CC-BY 2.5 and 4.0, annotations CC-BY 4.0; Zeldes 2017), except
stop words and words with the ending -ing, which often belong to a phrase ("minimal generating sets").
"""

from __future__ import annotations

from .wordsets import word_set

VERBS = word_set("""
absolutely accepted accommodate accustomed acknowledge acknowledged acquitted acted actively acts adapted additionally
address addressed admitted aerated agreed aimed aims aligned alleged allegedly allowed altogether amended analysed
analyzed announced announces answered anticipated appeared appears approached argue arranged arrested arrived
asexually assemble assert asserted assess assessed assign assume attached attacked attempted attend attended attract
attracted attributed authorized automatically avoid avoided awarded basically believed believes belong belongs blame
blow booked boost born bother bought bounded brings broken brought build built busted called carried carry carved
caught causally caused celebrated celebrates changed characterized charged choose chose chosen cited claimed clarify
classified closely coded coincided coined collapsed collects colored commented commit commits committed commonly
compete complements completed completely concede conceded conclude concluded conducted confine confirm connected
consisted constitutionally consumed contacted contested continually continue continues contribute convicted corrected
correctly counted cover covered create created creates crowded decide decided decreased deducted deemed deeply
defeated define defined delayed demanded denied deny depend depends determine determined died dipped directed
disappointed disconnect discusses displayed distinguish distributed donated draw drawn dropped drove earlier earned
easily eats educate elected eliminate emailed emerged emerges emphasize encouraged encourages enhance enjoy ensure
enter envisioned erred escape essentially estimate estimated evaluated eventually evolve excuse execute exemplified
exercised exhibited existed expand expect expected experienced experimentally expired explain explained explains
explore explored expressed expressly extremely faced facilitate failed fall featured feel fell fight figured filed
filled finally financially fired fixed focuses forced foremost forget fork formulate founded frequently fundamentally
funded gained garnered gather generate generated govern gradually greatly grew grow grown guarantee guarantees guide
handed handle happen happened hauled hear heard held helped highlighted highly hire historically holds housed ideally
identified identifies identify ignore illegally imagine immersed implement implemented implicated imposed imprisoned
incarcerated increased increasingly incredibly indirectly individually inflate influenced inform initiated inland
inspire inspired integrates intend intended interestingly interpret interrogated interviewed introduces invent invite
invited invoked involve involved iodised issued joined justified justify killed landed lasted laughs launched learn
learned leave licensed lifted limit linked listed live loaded located looked lose lost maintain maintained manage
marked markedly meant measured meet mentally mention mentioned met mimic modified modify moved named nationally
notably noticed nowadays observed occur occurred occurs offer offered offers opposed organized oriented originally
ostensibly paid paired partially partly passed pay perceived persist personally physically pick picked planned play
played plays plead posed possess posted preclude precluded prepare prepared prepped preserved presumed prevent proceed
proceeded produce produced produces professionally promised promote prompted properly protect protected published
pulled purely pursue quoted raise raised rapidly reach read reaffirm realize reasoned receive received recognize
recognized recommended recreated refer referred refers reflect reflected refused regularly reject relates released
rely remain remains remanded remarkably remember remove removed repeat repeated replace replaced reported reportedly
represent represents reproduce requested rescinded rescued reserve resigned respond responded retired returned reveal
revealed reviewed revisit rolled rooted roughened roughly route ruled runs sacrifice sat save saved scheduled scored
seek segmented selected sell send separately separates serve served shortly shut signals simplified simply sit slowly
solely solo solve sooner speak speaks spend spent spoke spoken sponsored stained started stated stayed steadily steal
stopped submit subsequently substituted succeed suggested suggests supported suppose supposed surge surges survive
suspect sustain takes target tells tended tested tolerate totally touched transform translated treat trigger tripped
tweeted typically ultimately understand understood united varies vary vertically visited visually volunteered voted
wait waive washed weighted whatsoever wins wishes withdrawn write writes written wrote
""")
