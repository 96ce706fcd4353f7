package org.apache.catalina;

public interface Context extends Lifecycle {
  void setResources(WebResourceRoot r);
  void setJarScanner(org.apache.tomcat.JarScanner s);
}
