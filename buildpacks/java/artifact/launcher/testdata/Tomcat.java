package org.apache.catalina.startup;

import org.apache.catalina.*;

public class Tomcat {
  public void setBaseDir(String dir) {}
  public void setPort(int port) {}
  public org.apache.catalina.connector.Connector getConnector() { return null; }
  public void enableNaming() {}
  public Context addWebapp(String path, String base) { return null; }
  public void start() throws LifecycleException {}
  public void stop() throws LifecycleException {}
  public void destroy() throws LifecycleException {}
  public Server getServer() { return null; }
}
