import com.sun.net.httpserver.HttpServer;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.net.InetSocketAddress;
import javax.imageio.ImageIO;

/** Draws text, writes it as JPEG and reads that: javac --release 17 App.java && jar --create --file app.jar --main-class App App.class. */
public class App {
    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        HttpServer server = HttpServer.create(new InetSocketAddress(port), 0);
        server.createContext("/", exchange -> {
            byte[] body;
            try {
                body = draw().getBytes();
            } catch (Throwable e) {
                body = e.toString().getBytes();
            }
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }

    static String draw() throws Exception {
        BufferedImage image = new BufferedImage(100, 40, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = image.createGraphics();
        g.setColor(Color.WHITE);
        g.setFont(new Font("SansSerif", Font.BOLD, 30));
        g.drawString("Text", 5, 30);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(image, "jpeg", out);
        BufferedImage again = ImageIO.read(new ByteArrayInputStream(out.toByteArray()));
        int lit = 0;
        for (int x = 0; x < 100; x++) {
            for (int y = 0; y < 40; y++) {
                lit += (again.getRGB(x, y) & 0xff) > 128 ? 1 : 0;
            }
        }
        return (lit > 100 && lit < 2000 ? "drawn" : "blank: " + lit) + " with " + g.getFont().getFontName() + "\n";
    }
}
