package org.apache.tomcat;

public interface JarScanner {}
