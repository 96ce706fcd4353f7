package org.apache.catalina;

public interface WebResourceRoot { void addPreResources(WebResourceSet s); }
