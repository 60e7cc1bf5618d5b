package cluster_test

import (
	"testing"

	"github.com/comity-iot/comity/cluster"
	"github.com/comity-iot/comity/cluster/clustertest"
)

func TestSingle(t *testing.T) {
	clustertest.Run(t, func(*testing.T, int) []cluster.Cluster { return []cluster.Cluster{cluster.NewSingle("alone")} })
}
