// Package layout places the nodes and edges of a directed graph in layers, so
// that whoever shows the graph only has to draw.
//
// What: cycles are broken, nodes are put in ranks, long edges are cut at every
// rank, the order within ranks is improved until few edges cross, and
// coordinates keep neighbours in line. The same graph always gives the same
// picture.
//
// What not: it knows no entity and draws nothing.
//
// Start reading at [Compute].
package layout
