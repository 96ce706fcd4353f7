import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;

/** A server of one class: javac --release 17 App.java && jar --create --file app.jar --main-class App App.class. */
public class App {
    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        HttpServer server = HttpServer.create(new InetSocketAddress(port), 0);
        server.createContext("/", exchange -> {
            byte[] body = ("Hello from Java " + Runtime.version().feature() + ".\n").getBytes();
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }
}
