package org.apache.catalina;

public interface Lifecycle { LifecycleState getState(); }
