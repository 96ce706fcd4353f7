package org.apache.catalina;

public final class LifecycleException extends Exception {}
