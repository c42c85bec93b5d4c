// Package filesync takes folders of files into a data lake.
//
// A sync is started for a path of the lake, takes uploads, and is ended. An
// incremental sync adds its files to what the path holds, one by one, each
// replacing an older one of its name. A full sync collects a set of its own
// that nobody sees; its end makes that set the path's content in one step, and
// moves the one before into the trash, from where it can be restored.
//
// Such a set is a generation. What readers see of a path is its current
// generation: wholly the old one or wholly the new one.
//
// The wire form of the product that this follows is in 004_ddc886d1cd93e300.txt.
package filesync
