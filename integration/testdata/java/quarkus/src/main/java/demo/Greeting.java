package demo;

import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;

@Path("/")
public class Greeting {
  @GET
  public String hello() {
    return "Hello from Quarkus.";
  }
}
