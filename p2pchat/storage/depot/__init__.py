"""Files and folders on this machine's disk, as streams under a hash tree.

`files/<root>-<size>-<manifest>-<circle>/` (hex) holds what is kept of one stream in one
conversation (`model.stream.Kept`):

- `hashes`: the tree's layers above the pieces, from the lowest up, each without gaps;
- `data`: what was fetched of the stream so far; of a folder whose manifest is known the pieces that
  the manifest lies in, and nothing but the manifest once the folder is complete;
- `folder/`: the folder while it is fetched, once its manifest is known;
- `layout`: where the files of a folder lie in it, in the order of the stream (`extents`);
- `source`: where the complete file or folder lies.

None of it is believed: what is here is found out by hashing.
"""
