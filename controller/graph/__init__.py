"""From a manifest and a catalogue to the resource graph of one environment. In the order of the work:

placeholders   what does `${…}` say: the grammar
allowed        which placeholders may stand where, and do they name something that exists
outputs        does a resource type declare this output
check          are all texts of the catalogue's modules and providers right, used or not
draft, growth  which nodes does the manifest bring into being
lookup         why does no module match
params         does a node give its module what it needs
resolve        what do the placeholders of a node yield
selectors      which nodes does `${select…}` mean
providers      which configuration of which provider does a node use
cycles         does anything wait for itself
report         problems of many nodes, each told once
expand         all of the above, in order: the door of this room
diff, moves    what is new in a graph, and what has merely got another name
comparable     the same values, whatever nodes are called
draw           a graph as text and as Mermaid; svg, layers and heights: as a picture
"""
