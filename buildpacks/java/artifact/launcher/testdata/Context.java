package org.apache.catalina;

public interface Context extends Lifecycle { void setResources(WebResourceRoot r); }
