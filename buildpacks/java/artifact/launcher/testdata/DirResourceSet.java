package org.apache.catalina.webresources;

public class DirResourceSet implements org.apache.catalina.WebResourceSet {
  public DirResourceSet(org.apache.catalina.WebResourceRoot root, String mount, String base, String path) {}
}
