package org.apache.catalina.connector;

public class Connector {}
