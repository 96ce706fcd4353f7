package org.apache.catalina;

public interface WebResourceSet {}
