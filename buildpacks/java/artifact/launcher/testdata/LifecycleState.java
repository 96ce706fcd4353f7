package org.apache.catalina;

public enum LifecycleState { STARTED; public boolean isAvailable() { return true; } }
