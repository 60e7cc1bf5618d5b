package cluster_test

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/comity-iot/comity/cluster"
	"github.com/comity-iot/comity/cluster/clustertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSingle(t *testing.T) {
	clustertest.Run(t, func(*testing.T, int) clustertest.Nodes {
		return clustertest.Nodes{All: []cluster.Cluster{cluster.Single{}}}
	})
}

func TestMemory(t *testing.T) {
	clustertest.Run(t, func(_ *testing.T, n int) clustertest.Nodes {
		var nodes clustertest.Nodes
		var m clustertest.Memory
		for i := range n {
			node := m.Node(fmt.Sprint("node", i))
			nodes.All = append(nodes.All, node)
			nodes.Lose = append(nodes.Lose, node.Lose)
		}
		return nodes
	})
}
