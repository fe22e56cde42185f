// Answers questions about values with Cassandra's own classes. One question per line, fields between tabs; the answer
// goes to the same line of the output. The questions are those of test_golden.c.

import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.TimeZone;
import java.util.concurrent.TimeUnit;
import org.apache.cassandra.config.DatabaseDescriptor;
import org.apache.cassandra.db.marshal.AbstractType;
import org.apache.cassandra.db.marshal.TypeParser;
import org.apache.cassandra.dht.Murmur3Partitioner;
import org.apache.cassandra.exceptions.InvalidRequestException;
import org.apache.cassandra.serializers.MarshalException;
import org.apache.cassandra.utils.ByteBufferUtil;
import org.apache.cassandra.utils.TimeUUID;

public class Oracle {
  private static final Map<String, AbstractType<?>> types = new HashMap<>();

  private static AbstractType<?> type(String name) {
    return types.computeIfAbsent(name, TypeParser::parse);
  }

  private static ByteBuffer bytes(String hex) {
    return ByteBufferUtil.hexToBytes(hex);
  }

  private static String answer(String[] f) {
    switch (f[0]) {
      case "P":
        return ByteBufferUtil.bytesToHex(type(f[1]).fromString(f[2]));
      case "S":
        return type(f[1]).toCQLString(bytes(f[2]));
      case "V":
        type(f[1]).validate(bytes(f[2]));
        return "ok";
      case "C":
        return Integer.toString(Integer.signum(type(f[1]).compare(bytes(f[2]), bytes(f[3]))));
      case "M":
        return type(f[1]).isValueCompatibleWith(type(f[2])) ? "1" : "0";
      case "Q":
        return type(f[1]).asCQL3Type() + " | " + type(f[1]);
      case "T":
        return Murmur3Partitioner.instance.getToken(bytes(f[1])).getTokenValue().toString();
      case "U":
        return Long.toString(TimeUUID.deserialize(bytes(f[1])).unix(TimeUnit.MILLISECONDS));
      default:
        throw new IllegalArgumentException(f[0]);
    }
  }

  public static void main(String[] args) throws Exception {
    TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
    PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
    DatabaseDescriptor.clientInitialization();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String said;
      try {
        said = answer(line.split("\t", -1));
      } catch (MarshalException | InvalidRequestException e) {
        said = "!" + e.getMessage();
      } catch (RuntimeException | AssertionError e) {
        said = "!*"; // not a refusal but an accident: that it fails is all that is promised
      }
      out.println(said);
    }
    out.flush();
  }
}
