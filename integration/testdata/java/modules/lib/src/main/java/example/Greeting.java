package example;

public class Greeting {
    public static final class Text {
        public String text = "Hello from two modules.";
    }
}
