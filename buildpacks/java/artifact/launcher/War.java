package strata;

import java.io.File;
import java.nio.file.Files;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.WebResourceRoot;
import org.apache.catalina.startup.Tomcat;
import org.apache.catalina.webresources.DirResourceSet;
import org.apache.catalina.webresources.StandardRoot;
import org.apache.tomcat.util.scan.StandardJarScanner;

/** Serves a WAR with Tomcat. Arguments: the folder of the WAR, its context path, and folders of libraries that belong to it. */
public final class War {
  private War() {}

  public static void main(String[] args) throws Exception {
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(Files.createTempDirectory("tomcat").toString());
    String port = System.getenv("PORT");
    tomcat.setPort(port == null || port.isEmpty() ? 8080 : Integer.parseInt(port));
    tomcat.getConnector(); // makes it
    tomcat.enableNaming();
    Context context = tomcat.addWebapp(args[1], new File(args[0]).getAbsolutePath());
    WebResourceRoot files = new StandardRoot(context);
    for (int i = 2; i < args.length; i++) {
      files.addPreResources(new DirResourceSet(files, "/WEB-INF/lib", args[i], "/"));
    }
    context.setResources(files);
    StandardJarScanner scanner = new StandardJarScanner();
    scanner.setScanClassPath(false); // Tomcat's own libraries have no tags
    context.setJarScanner(scanner);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(tomcat)));
    tomcat.start();
    if (!context.getState().isAvailable()) {
      System.err.println("The web application did not start; the messages above say why.");
      System.exit(1);
    }
    tomcat.getServer().await();
  }

  private static void stop(Tomcat tomcat) {
    try {
      tomcat.stop();
      tomcat.destroy();
    } catch (LifecycleException e) {
      e.printStackTrace();
    }
  }
}
