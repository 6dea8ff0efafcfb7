"""From the files of `platform/` to the catalogue. In the order of the work:

files       which file of the platform is what
documents   what each kind of document may say: the models that validate it, and that editors read as schemas
spelling    how ids and other short texts may be written
definitions resource types, environment types and providers, as written and as they are
outputs     is an output schema one that can be asked
bodies      would the engine take the configuration of a provider
modules     modules as written and as they are
sources     what a module's source means
folders     the content of a module that is a folder of the repository
contained   does such a folder use nothing outside itself
variables   does its code have the inputs that it is given
runners     runners and where they keep states
references  do documents that name one another agree
read        all of the above, in order: the door of this room
rules       which module makes a resource, which runner serves an environment
supported   which runners this release runs
doubts      what is allowed, and yet perhaps not meant
available   what can be asked for in an environment
"""
