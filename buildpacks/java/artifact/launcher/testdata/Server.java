package org.apache.catalina;

public interface Server { void await(); }
