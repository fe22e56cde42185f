// Says with Cassandra's own classes where replicas are. Reads the lines of replicas.tsv, without the answers; writes
// them with the answers. test_map.c explains them.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.cassandra.config.DatabaseDescriptor;
import org.apache.cassandra.dht.Murmur3Partitioner;
import org.apache.cassandra.dht.Murmur3Partitioner.LongToken;
import org.apache.cassandra.dht.Token;
import org.apache.cassandra.locator.AbstractNetworkTopologySnitch;
import org.apache.cassandra.locator.AbstractReplicationStrategy;
import org.apache.cassandra.locator.InetAddressAndPort;
import org.apache.cassandra.locator.NetworkTopologyStrategy;
import org.apache.cassandra.locator.SimpleStrategy;
import org.apache.cassandra.locator.TokenMetadata;

public class Replicas extends AbstractNetworkTopologySnitch {
  private final List<InetAddressAndPort> nodes = new ArrayList<>();
  private final Map<InetAddressAndPort, String[]> places = new HashMap<>();
  private TokenMetadata ring;
  private AbstractReplicationStrategy strategy;

  @Override
  public String getDatacenter(InetAddressAndPort node) {
    return places.get(node)[0];
  }

  @Override
  public String getRack(InetAddressAndPort node) {
    return places.get(node)[1];
  }

  private void addNode(String[] f) throws Exception {
    int n = nodes.size() + 1;
    InetAddressAndPort node =
        InetAddressAndPort.getByAddress(InetAddress.getByAddress(new byte[] {10, 0, (byte) (n >> 8), (byte) n}));
    List<Token> tokens = new ArrayList<>();
    for (String token : f[3].split(",")) tokens.add(new LongToken(Long.parseLong(token)));
    nodes.add(node);
    places.put(node, new String[] {f[1], f[2]});
    ring.updateNormalTokens(tokens, node);
  }

  private void setStrategy(String[] f) {
    Map<String, String> options = new TreeMap<>();
    for (String option : f[2].split(",")) options.put(option.split("=")[0], option.split("=")[1]);
    strategy =
        f[1].equals("SimpleStrategy")
            ? new SimpleStrategy("ks", ring, this, options)
            : new NetworkTopologyStrategy("ks", ring, this, options);
  }

  private String replicas(String token) {
    return strategy.calculateNaturalReplicas(new LongToken(Long.parseLong(token)), ring).endpointList().stream()
        .map(node -> Integer.toString(nodes.indexOf(node)))
        .collect(Collectors.joining(","));
  }

  private String answer(String line) throws Exception {
    String[] f = line.split("\t", -1);
    switch (f[0]) {
      case "C":
        nodes.clear();
        places.clear();
        ring = new TokenMetadata();
        return line;
      case "N":
        addNode(f);
        return line;
      case "K":
        setStrategy(f);
        return line;
      case "R":
        return line + "\t" + replicas(f[1]);
      default:
        throw new IllegalArgumentException(line);
    }
  }

  public static void main(String[] args) throws Exception {
    DatabaseDescriptor.clientInitialization();
    DatabaseDescriptor.getRawConfig().num_tokens = 1; // more are refused where replicas are transient
    DatabaseDescriptor.setPartitionerUnsafe(Murmur3Partitioner.instance);
    DatabaseDescriptor.setTransientReplicationEnabledUnsafe(true);
    Replicas snitch = new Replicas();
    DatabaseDescriptor.setEndpointSnitch(snitch);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) System.out.println(snitch.answer(line));
  }
}
