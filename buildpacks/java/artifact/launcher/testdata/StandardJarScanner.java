package org.apache.tomcat.util.scan;

public class StandardJarScanner implements org.apache.tomcat.JarScanner {
  public void setScanClassPath(boolean is) {}
}
