package org.apache.catalina.webresources;

public class StandardRoot implements org.apache.catalina.WebResourceRoot {
  public StandardRoot(org.apache.catalina.Context context) {}
  public void addPreResources(org.apache.catalina.WebResourceSet s) {}
}
